"""Plots as SVG text, for pages and for the report that is one file. Values in, text out.

1. `svg`            elements, with every text escaped
2. `scales`         from values to places: linear, logarithmic, and where ticks stand
3. `intervals`      one metric's interval, its bound and what is allowed, the control behind it
4. `distributions`  both arms' times as cumulative shares
5. `timelines`      both arms over time

Colours come from the classes in `analyzer/report/templates/report.css`, so they suit light, dark and paper. Each plot
says its numbers in words, too (`role="img"` with a label).
"""
