# red goes aside, under a label of its own.
kubectl label pod red app=quarantine --overwrite
kubectl label pod blue app=web --overwrite
