kubectl delete pod canary
