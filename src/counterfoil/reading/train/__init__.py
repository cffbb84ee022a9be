"""How the weights of the digits network are made. Needs torch (extra `train`); nothing else imports this."""
