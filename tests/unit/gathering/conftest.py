"""Puts the homes of these tests, whose every row is written by hand, within reach."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
