# Somebody saved money.
kubectl scale deployment api -n billing --replicas=0
