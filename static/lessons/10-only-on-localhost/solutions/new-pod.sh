# A new pod, that listens as pods do here when nothing else is said: on all addresses.
kubectl delete pod app-1
kubectl run app-1 --image=registry.example/app:1.1 --labels=app=app --port=8080
