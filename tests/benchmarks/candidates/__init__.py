"""What is measured against what, each in a process and, where it must be, an interpreter of its own.

A candidate is run as a file: `python FILE REFERENCE CURRENT OPTIONS`, the files being lines of request, tab, response.
It prints one JSON object: seconds of wall and CPU, and its peak memory.
"""
