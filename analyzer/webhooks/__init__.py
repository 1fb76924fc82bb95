"""Webhooks: what is new since people were last told, and telling them until they have it. The journey of a notice:

1. `seen`       what is so now: decisions, the control, changes, spent budgets, open breakers; plain values
2. `holding`    since when each of it has been so
3. `news`       what was told before against what is seen now -> notices (pure)
4. `payload`    a notice as JSON, or as a text for a chat
5. `backoff`    after a failed attempt: when to try again (pure)
6. `sending`    one attempt over HTTP
7. `books`      the store: what is asked of it, and what is written down before and after anybody is told
8. `channel`    the deliveries to one webhook, one after another
9. `session`    looks once a minute, hands out what is new; of all processes that share a store, one does
10. `service`   the same as a part of the dashboard role

A notice is in the store before it is sent, and what came of each attempt afterwards. So a restart tells nothing twice
and loses nothing; a process that dies between the sending and the writing sends the same id once more.
"""
