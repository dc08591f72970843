kubectl label pod blue app=web --overwrite
kubectl label pod red app-
