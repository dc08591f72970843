# Somebody wanted to see clients' addresses.
kubectl patch service shop -p '{"spec":{"externalTrafficPolicy":"Local"}}'
