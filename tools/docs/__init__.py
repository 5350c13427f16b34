"""The documentation: pages generated from code, drawings, the blocks of code that are run, and the site."""
