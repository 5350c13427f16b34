from __future__ import annotations

import sys
from pathlib import Path

# Its modules are imported by name: mutations, laws and readers are shared by the tests beside them.
sys.path.insert(0, str(Path(__file__).parent))
