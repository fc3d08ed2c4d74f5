"""Loop 1: look at one endpoint's traffic, and decide.

In: the endpoint's live state, its inference table, what the store remembers. Out: one transaction with profiles,
findings' trails, the verdict on versions, the watermark, and with them a proposed remediation or an event.
It changes nothing in the world. `sample` and `cycle` speak to doors; everything else here is pure.
"""
