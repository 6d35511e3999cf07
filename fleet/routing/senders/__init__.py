"""How a notice is written for each kind of destination. Each module builds one request and judges nothing else."""
