"""The files of a banked model: how `model.json` and those beside it are written and read."""
