"""A finding, drawn: what was counted comes in, an SVG or lines of text go out.

Pure: no store, clock or file, and nothing to draw with but strings.
"""
