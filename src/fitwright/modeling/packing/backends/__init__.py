"""Ways to compute attention on packed rows, one file each; :mod:`registry` names them."""
