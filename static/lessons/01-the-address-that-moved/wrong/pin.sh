kubectl run web --image=registry.example/web:1.0 --port=8080
