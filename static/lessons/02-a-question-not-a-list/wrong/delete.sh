kubectl label pod blue app=web --overwrite
kubectl delete pod red
