"""One file per API; `table` lists them."""
