kubectl patch service search -p '{"spec":{"internalTrafficPolicy":"Cluster"}}'
