kubectl patch service web -p '{"spec":{"externalTrafficPolicy":"Cluster"}}'
