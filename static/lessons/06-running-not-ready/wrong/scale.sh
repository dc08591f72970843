kubectl scale deployment web --replicas=6
