# The canary is built again, to listen on 8080.
kubectl delete pod canary
kubectl run canary --image=registry.example/api:1.1 --labels=app=api --port=8080
