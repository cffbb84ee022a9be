"""Elections with known truth: what was planted, what was typed wrongly, what was never seen. All from one seed."""
