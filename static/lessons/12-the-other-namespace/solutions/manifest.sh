kubectl apply -f - <<EOF
apiVersion: v1
kind: Service
metadata:
  name: api
  namespace: shop
spec:
  type: ExternalName
  externalName: api.billing.svc.cluster.local
EOF
