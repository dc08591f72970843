kubectl patch service web -p '{"spec":{"sessionAffinity":"ClientIP"}}'
