# A pod that says on which node it wants to be.
kubectl apply -f - <<EOF
apiVersion: v1
kind: Pod
metadata:
  name: web-2
  labels:
    app: web
spec:
  nodeName: node-2
  containers:
  - name: web
    image: registry.example/web:1.0
    ports:
    - containerPort: 8080
EOF
