"""Who answers for models: names in the ledger, approvals, and what a committee reads of them."""
