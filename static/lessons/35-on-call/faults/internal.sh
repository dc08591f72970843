# Somebody wanted to save hops.
kubectl patch service search -p '{"spec":{"internalTrafficPolicy":"Local"}}'
