"""The third loop: undelivered events come in from the store, messages go out through channels.

`group` says what is due, `render` says it in words, `cycle` sends and records. It decides nothing about endpoints.
"""
