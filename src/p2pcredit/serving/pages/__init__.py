"""The pages: each module brings a router, and `router.pages_router` puts them together."""
