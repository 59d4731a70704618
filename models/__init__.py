"""The network: encoder, recurrent grid and decoder as symbolic graphs with named parameters."""
