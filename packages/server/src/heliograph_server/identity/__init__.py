"""Who is calling: id tokens, and the issuers behind them."""
