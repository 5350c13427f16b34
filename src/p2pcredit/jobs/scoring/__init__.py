"""Score loans with the champion of their day, and change the champion."""
