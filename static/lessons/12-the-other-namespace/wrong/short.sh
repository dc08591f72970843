kubectl create service externalname api -n shop --external-name api
