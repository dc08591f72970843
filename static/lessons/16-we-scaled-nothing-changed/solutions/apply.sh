kubectl scale deployment web --replicas=5
kubectl apply -f - <<EOF
apiVersion: v1
kind: Service
metadata:
  name: web-pods
spec:
  clusterIP: None
  selector:
    app: web
EOF
