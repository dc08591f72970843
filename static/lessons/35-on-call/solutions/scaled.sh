kubectl scale deployment api -n billing --replicas=2
