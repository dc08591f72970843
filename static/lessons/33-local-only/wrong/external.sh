kubectl patch service cache -p '{"spec":{"type":"NodePort","externalTrafficPolicy":"Cluster"}}'
