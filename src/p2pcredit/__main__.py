"""The command line, where it is run as `python -m p2pcredit`."""

from p2pcredit.cli.start import main

if __name__ == "__main__":
    main()
