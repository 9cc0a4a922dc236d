"""Seconds of a step.

step: from the best that is known; roofline: traced operators on data-sheet figures; closed_form: formulas,
for models without a trace. Operators priced on a measured device: :mod:`fitwright.sizing.pricing`.
"""
