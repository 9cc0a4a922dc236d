"""The verbs in Python: one thin function each, importing the stage it calls when it is called."""
