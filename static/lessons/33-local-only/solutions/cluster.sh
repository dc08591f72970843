kubectl patch service cache -p '{"spec":{"internalTrafficPolicy":"Cluster"}}'
