# The older way: Endpoints of the Service's name, which a controller copies into a slice.
kubectl apply -f - <<EOF
apiVersion: v1
kind: Endpoints
metadata:
  name: db
subsets:
- addresses:
  - ip: 198.51.100.20
  ports:
  - name: sql
    port: 5432
EOF
