kubectl get pod api-1 -o yaml > pod.yaml
kubectl delete pod api-1
kubectl run api-1 --image=registry.example/api:1.0 --labels=app=api --port=8080
