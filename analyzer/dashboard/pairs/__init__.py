"""Single pairs as people see them; values in, values out. The way of a list, and of one pair:

1. `asked`      an address to a question, and back
2. `offered`    filters, orders and looks in words
3. `line`       one line of the list; `scope`: what the list shows of what there is
4. `alignment`  the words that two texts have in common, in their order
5. `marking`    texts with the words marked that the other one has not
6. `timing`     both arms on one axis of time
7. `figures`    the figures of both arms, and what lies between them: `amounts`, `outcomes`
8. `verdicts`   what judges and people said
9. `sentence`   what stands out
10. `view`      all of one pair; `missing`: why texts are not there
"""
