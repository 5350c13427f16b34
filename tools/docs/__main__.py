"""Write every generated page and drawing of the docs: `python -m tools.docs`."""

from __future__ import annotations

from tools.docs.generated import ROOT, generated

for path, text in generated().items():
    file = ROOT / path
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
        print(f"wrote {path}")
