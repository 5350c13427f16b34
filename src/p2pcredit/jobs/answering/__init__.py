"""Answer applications as they come: with the numbers of the nightly run, each answer kept before it leaves."""
