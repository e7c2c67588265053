"""What this machine has, what will run where on it and about how long, and what is missing."""
