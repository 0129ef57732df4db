// What the customer bought from which an edge SIMILAR leads to this product.
// Parameters:
//   customer_id  string: the customer
//   article_id   string: code of the product
// Columns:
//   purchased  code of what was bought
//   name
//   score      cosine of the two photos
//   times      purchases of it by the customer
MATCH (c:Customer {id: $customer_id})-[:PURCHASED]->(x:Product)-[s:SIMILAR]->(p:Product {code: $article_id})
RETURN x.code AS purchased, x.name AS name, s.score AS score, count(*) AS times
ORDER BY score DESC, purchased
