"""`python -m gnnvision`, the same as the command `gnnvision`."""

from gnnvision.cli.command import main

if __name__ == "__main__":
    main()
