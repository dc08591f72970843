kubectl patch service web -p '{"spec":{"internalTrafficPolicy":"Local"}}'
