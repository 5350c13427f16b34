"""Does every job survive a kill at each step it takes on disk, and a disk that is full from any step on?"""
