"""Tables by what they are for; `store.tables` has them all."""
